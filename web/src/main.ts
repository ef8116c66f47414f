import 'maplibre-gl/dist/maplibre-gl.css';
import './styles/fonts.css';
import './styles/tokens.css';
import './styles/base.css';
import { mount } from 'svelte';
import Page from './panels/Page.svelte';

mount(Page, { target: document.getElementById('app')! });
